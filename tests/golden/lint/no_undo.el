THEN(book, write, IF(x, write), pay)
