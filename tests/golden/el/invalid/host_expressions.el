THEN(a ? b : c, order-1, a.tag("x" + 1), b = c, a == b)
