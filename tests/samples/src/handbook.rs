use crate::pdf::{document, layout, margin_line};

/// The customer handbook of Meridian Coffee Roasters: eight pages with a running head and page numbers.
pub fn handbook_pdf() -> Vec<u8> {
    let pages: Vec<_> = (1..)
        .zip(PAGES)
        .map(|(number, text)| {
            let mut lines = vec![margin_line(
                812.0,
                "Meridian Coffee Roasters — Customer Handbook".to_owned(),
            )];
            lines.extend(layout(text));
            lines.push(margin_line(30.0, format!("Page {number} of {}", PAGES.len())));
            lines
        })
        .collect();
    document(&pages)
}

const PAGES: [&str; 8] = [
    "# About Meridian
Meridian Coffee Roasters was founded in 2009 by Ines Okafor and Tomas Lindqvist in a former tram depot in Gothenburg. What began with a single five kilogram drum roaster is today a team of forty-two people, two roasteries and a small school for home baristas.
This handbook explains how we work with our customers. It covers ordering, shipping, returns, roasting, storage, subscriptions, wholesale and support. It applies to all orders that are placed in our web shop after the first of January 2025. The rules for shops and restaurants are on the page about wholesale.
We buy green coffee directly from nineteen farms and cooperatives in Ethiopia, Colombia, Guatemala and Rwanda. Every bag carries the name of the farm, the height above sea level, the variety and the date of the roast. We pay at least thirty percent above the fair trade minimum price and publish what we paid for each lot in our yearly transparency report, which appears in March.
Both roasteries run on electricity from wind power. Since 2021 our bags have been made of a single material that can be recycled with household plastics. The valve can stay on the bag.",
    "# Orders and shipping
Orders that reach us before 11 in the morning on a working day are roasted and handed to the carrier on the same day. Later orders leave the roastery on the next working day. We do not roast on weekends or on Swedish public holidays.
Shipping within Sweden takes one to two working days and costs 39 kronor. Shipping to other countries of the European Union takes three to five working days and costs 9 euros. Orders above 60 euros are shipped free of charge to all countries of the European Union. We ship to Norway, Switzerland and the United Kingdom as well; this takes five to eight working days, and customs duties are paid by the receiver.
As soon as a parcel leaves the roastery you receive an e-mail with a tracking number. If the tracking has not changed for seven days, please write to us: we then start a search with the carrier and send a replacement at no cost.
Please check the address before you confirm an order. A parcel that comes back to us because of a wrong address is sent again once the customer has paid the shipping costs a second time.",
    "# Returns and refunds
Coffee is food, and we can only sell what never left our hands. Unopened bags of coffee can be returned within 30 days of delivery for a full refund. The bag must be undamaged and the seal of the valve intact. Opened bags cannot be returned, but if you do not like a coffee, tell us within two weeks: we will send you a different one, once per customer and year.
Equipment such as kettles, scales and drippers can be returned within 60 days, used or unused, as long as all parts are complete and clean. Gift cards and tickets for courses cannot be returned; course tickets can be passed on to another person up to the evening before the course.
To return something, open the order in your account and choose the items. You will get a shipping label as a PDF. The label is free within Sweden; from other countries we deduct 6 euros from the refund.
Refunds are paid to the same card or account that was used for the payment. They are issued within five working days after the parcel has arrived at our warehouse in Gothenburg. Your bank may need up to three further days to show the amount.",
    "# How we roast
We roast in small batches of at most twelve kilograms. Filter roasts are stopped shortly after the first crack, usually between nine and eleven minutes, at a bean temperature of about 208 degrees Celsius. Espresso roasts run one to two minutes longer and end at 216 degrees.
Each batch is cupped on the day after roasting by at least two people. A batch that scores more than one point below its reference is not sold; we give it to the barista school, where it is used for practice.
Freshly roasted coffee needs rest. We recommend that you wait seven days after the roast date before you brew a filter coffee and twelve days for an espresso, so that the carbon dioxide can leave the beans. The date of the roast is printed on the back of every bag.
We do not add flavors, sugar or oil to any coffee. Our decaffeinated coffee is treated with water and carbon dioxide only. It contains less than 0.1 percent caffeine. Our roasteries also process hazelnuts for the pastry kitchen, so traces of nuts cannot be ruled out.",
    "# Storing and brewing
Keep coffee in its closed bag, in a cupboard, away from heat and light. Do not put it in the refrigerator: moisture and the smell of other food spoil it within days. Whole beans taste best within eight weeks of roasting. Ground coffee should be used within ten days.
You may freeze coffee in portions in airtight containers for up to six months. Take out only what you need and grind it while it is still frozen.
For a filter coffee we recommend 60 grams of coffee for one liter of water at 94 degrees Celsius, ground as fine as table salt. The water should take about three minutes to run through. If the cup tastes sour, grind finer; if it tastes bitter, grind coarser.
For an espresso, start with 18 grams of coffee in and 38 grams of coffee out in 28 seconds. Soft water with a hardness between 50 and 100 milligrams per liter gives the best results and protects your machine from limescale.",
    "# Subscriptions and gifts
A subscription delivers one, two or four bags every two or four weeks. You choose between a fixed coffee and the roaster's choice, which changes with every delivery. Subscribers pay 12 percent less than the price in the web shop and never pay for shipping within the European Union.
The charge is made two days before each delivery, on Mondays. You can change the address, the coffee and the number of bags until Sunday evening. There is no minimum term, and you can cancel at any time in your account.
Gift subscriptions are paid in advance for three, six or twelve months. The first delivery contains a printed card with your message. Gift subscriptions end by themselves and are not renewed.
Gift cards are valid for four years from the date of purchase. They can be used in the web shop and in our two coffee bars, for all products except courses.",
    "# Wholesale
Cafes, restaurants and offices can open a wholesale account when they order at least ten kilograms per month. Send us your company registration number and tell us about your machine and grinder. We answer within two working days and usually begin with a tasting at your place.
Wholesale prices depend on the yearly quantity: from 200 kilograms the discount is 15 percent, from 500 kilograms 22 percent and from 1,000 kilograms 28 percent on the list price. Invoices are due within 20 days. Late payments are charged with eight percent interest per year.
Each wholesale customer has a contact person at Meridian who visits at least twice a year to check the recipe, the water filter and the grinder burrs. Training for new staff is included: up to four people per year can attend the two day barista course in Gothenburg at no cost.
We lend espresso machines to customers with a contract of at least 24 months. The machine remains our property and is serviced by us every six months.",
    "# Support and contact
Our support team answers e-mails from Monday to Friday between 8 and 17 o'clock Central European Time, usually within one working day. The telephone line is open on Tuesdays and Thursdays from 9 to 12. On weekends we only answer messages about deliveries that are under way.
Write to support@meridian.example or call +46 31 555 01 40. For questions about invoices write to accounts@meridian.example; for press inquiries contact Ines Okafor at press@meridian.example.
If something went wrong, please send us the order number and, if possible, a photograph. We would rather solve a problem generously than argue about it. Complaints that we cannot settle with you can be brought before the Swedish National Board for Consumer Disputes.
We keep personal data only as long as the law requires: invoices for seven years, everything else until you delete your account. Data is stored within the European Union. You can download or delete your data in your account at any time.",
];
