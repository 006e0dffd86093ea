// What an order takes before it is paid; other chains include it by name.
WHEN(deductStock, freezeCoupon)
