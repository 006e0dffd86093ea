THEN(a, WHEN(b, c), pay, d)
