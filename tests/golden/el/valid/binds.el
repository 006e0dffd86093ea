THEN(
    a.bind("queue", "fast"),
    IF(x, b.bind("queue", "own")).bind("topic", "${order.topic}").ELSE(sub),
    c.bind("queue", "")
).bind("queue", "slow").bind("topic", "all", true);
