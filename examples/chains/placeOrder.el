// An order: goods and coupon are taken side by side, then it is paid.
THEN(
    createOrder,
    WHEN(deductStock, freezeCoupon),
    pay,
    notify
)
