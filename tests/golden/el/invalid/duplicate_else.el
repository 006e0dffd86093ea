THEN(IF(x, a, b).ELSE(c), IF(x, a).ELSE(b).ELIF(y, c), IF(x, a).ELSE(IF(y, b)).ELSE(c))
