THEN(
    WHEN(a, b).any(true).ignoreError(true),
    WHEN(a.tag("x"), sub, THEN(b, c).id("stock")).must("stock", sub).maxWaitMilliseconds(250),
    WHEN(a, b, c).percentage(0.6f),
    a.maxWaitSeconds(1).ignoreError(true)
);
