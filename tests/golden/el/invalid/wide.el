THEN(创建订单，b)
