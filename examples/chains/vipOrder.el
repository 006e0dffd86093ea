/* VIPs hear of their order before they pay; the others after. */
onTheHouse = THEN(notify, pay).id("vip");
usual = THEN(pay, notify).id("usual");

THEN(createOrder, reserve, IF(isVip, onTheHouse, usual))
