THEN(a, broken)
