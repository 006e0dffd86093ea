THEN(then(a), Whn(a, b), ELSE(a), a.THEN(b), a(), FOR(3).DO(a), a.Tag("x"), nothingLikeIt(a))
