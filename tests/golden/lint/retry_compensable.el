THEN(book, pay).retry(3)
