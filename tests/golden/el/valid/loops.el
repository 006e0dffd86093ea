count = 1 + 2;
THEN(
    FOR(count).DO(a).BREAK(y),
    FOR(n).parallel(true).DO(THEN(b, WHILE(true).DO(c).BREAK(OR(x, y)))),
    ITERATOR(it).DO(sub).id("each"),
    WHILE(AND(x, NOT(y))).DO(d)
);
