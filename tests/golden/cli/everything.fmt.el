// Every kind of node that a plan can have.
THEN(
    PRE(login),
    WHEN(reserve, THEN(hold, price).id("offer"), look).must("offer"),
    IF(isVip, greet).ELIF(AND(isNew, NOT(isOld)), welcome).ELSE(skip),
    SWITCH(way).TO(ship.tag("fast"), THEN(pack, carry).id("slow")).DEFAULT(pickup),
    FOR(count).DO(THEN(take, weigh)).BREAK(isFull),
    ITERATOR(lines).parallel(true).DO(line),
    WHILE(isOpen).DO(ask),
    FOR(3).DO(knock),
    CATCH(THEN(try1, try2)).DO(mend),
    THEN(dial, talk).retry(2, "ConnectionError"),
    slow.maxWaitSeconds(3),
    often.retry(1),
    included,
    WHEN(any1, any2).any(true),
    WHEN(some1, some2).percentage(0.5).maxWaitMilliseconds(1500),
    WHEN(free1, free2).ignoreError(true),
    FINALLY(logout)
);
