THEN(first, second)
