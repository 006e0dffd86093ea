THEN(THEN(), IF(x), IF(x, a, b, c), a.tag(), IF(x, a).ELSE(), IF(x, a).ELIF(y))
