THEN(look, all)
