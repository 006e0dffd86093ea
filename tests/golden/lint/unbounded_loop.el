THEN(WHILE(x).DO(book), FOR(n).DO(WHEN(book, pay)))
