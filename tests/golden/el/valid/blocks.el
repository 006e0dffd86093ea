// First, last and in between, in whatever order they stand.
THEN(
    FINALLY(d).maxWaitSeconds(5),
    a,
    PRE(b).retry(1),
    CATCH(THEN(pay, FINALLY(c)).id("paying")).DO(a.tag("after")),
    PRE(c)
).id("order");
