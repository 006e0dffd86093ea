THEN(book, FINALLY(look, stubborn))
