THEN(book, FOR(5000).DO(pay))
