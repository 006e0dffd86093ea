THEN(book, ship, pay)
