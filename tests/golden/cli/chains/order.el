THEN(createOrder, WHEN(deductStock, freezeCoupon), pay, notify)
