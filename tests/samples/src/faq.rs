/// Frequently asked questions: plain text with a heading above each group.
pub fn faq_txt() -> Vec<u8> {
    FAQ.as_bytes().to_vec()
}

const FAQ: &str = "# Frequently asked questions

These are the questions our support team hears most often. For everything else, see the
customer handbook or write to us.

## Subscription

Can I pause my subscription?
Yes. You can pause a subscription for up to eight weeks, for example during a vacation, in
your account under \"Deliveries\". It resumes by itself on the date you choose.

What happens if I am not at home when the parcel arrives?
Two bags fit through most mail slots. Larger parcels wait for you at the nearest pickup
point for fourteen days.

## Payment

Which payment methods do you accept?
We accept Visa, Mastercard, Klarna, Swish and PayPal. Companies can pay by invoice.

Can I use two gift cards for one order?
Yes, up to five gift cards can be combined. What is left stays on the last card.

## Coffee bars

Can I bring my dog to the coffee bar?
Dogs are welcome in the bar at Haga, but not in the one at the central station.

Do you lend cups?
Yes. A cup costs a deposit of 20 kronor, which you get back in any of our bars.

## Courses

How many people attend a course?
At most six, so that everybody has a machine. Courses are held in English on the first
Saturday of each month.
";
