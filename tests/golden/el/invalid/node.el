THEN(IF(node("isVip"), a), node(a), FOR(node("s")).DO(a), node("c"), ITERATOR(node("i")).DO(node("sub")))
