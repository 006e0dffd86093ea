THEN(
    a.retry(2).retry(1),
    b.retry(1, "ConnectionError", "shop.OutOfStock"),
    c.maxWaitSeconds(1).retry(3),
    sub.retry(2),
    WHEN(a, b).retry(1, "TimeoutError")
);
