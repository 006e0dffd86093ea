THEN(a ? b : c, order-1, a.tag("x" + 1), v = w = c, a == b)
