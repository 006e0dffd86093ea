WHEN(THEN(look, book), pay).any(true)
