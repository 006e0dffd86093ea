WHILE(true).DO(THEN(book, pay))
