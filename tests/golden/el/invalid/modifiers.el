THEN(a.any(true), THEN(a).must("a"), b.id("x"), IF(x, a).DO(b), WHEN(a).retry(1).ignoreError(true),
  FOR(2).DO(a).TO(b), WHEN(b).retry("2").any("true").threadPool(3), a.bind("k"), a.bind("k", 1, "yes"))
