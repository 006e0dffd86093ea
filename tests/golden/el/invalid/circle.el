THEN(round1, main2, main)
