THEN(x,
  IF(a, b), "text", 1.5, IF(sub, a), a.tag(3), b.data(-true))
