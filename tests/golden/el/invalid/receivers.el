THEN(THEN(a).ELSE(b), a.id("q"), sub.id("q"), "s".tag("t"), a.ELIF(x, b))
