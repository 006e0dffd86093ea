THEN(look, pay, look)
