FOR(50).parallel(true).DO(FOR(50).parallel(true).DO(WHEN(book, pay)))
