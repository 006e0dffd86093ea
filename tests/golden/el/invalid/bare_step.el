a.tag("x")
