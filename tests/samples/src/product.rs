use crate::docx::{Block, text_docx};

/// The data sheet of the grinder Meridian G2: headings, lists, a table and a footnote.
pub fn product_docx() -> Vec<u8> {
    use Block::{Heading, Item, Note, Table, Text};
    text_docx(&[
        Heading(1, "Meridian G2 grinder"),
        Text(
            "The Meridian G2 is an electric burr grinder for filter coffee and espresso. It is built in our workshop in Gothenburg and can be taken apart with a single tool.",
        ),
        Heading(2, "What is in the box"),
        Item("the grinder with a hopper for 350 grams of beans"),
        Item("a dosing cup of steel"),
        Item("a brush and a hex key of 2.5 millimeters"),
        Heading(2, "Technical data"),
        Table(&[
            &["Property", "Value"],
            &["Burrs", "64 millimeters, flat, hardened steel"],
            &["Motor", "220 watts, 1,100 revolutions per minute"],
            &["Noise", "68 decibels at one meter"],
            &["Weight", "5.4 kilograms"],
            &["Settings", "stepless, 0 to 40"],
        ]),
        Heading(2, "Use and care"),
        Text(
            "Start with setting 28 for a filter coffee and with setting 9 for an espresso. Turn the collar only while the motor runs.",
        ),
        Note(
            "Clean the burrs every four weeks with the brush.",
            "Never wash the burrs with water: hardened steel rusts within hours.",
        ),
        Heading(3, "Descaling"),
        Text("A grinder holds no water and needs no descaling."),
        Heading(2, "Warranty"),
        Text(
            "The warranty on the motor and the electronics is two years from the date of purchase. The warranty on the burrs is five years or 800 kilograms of coffee, whichever comes first.",
        ),
        Text(
            "The warranty does not cover damage by stones or other objects among the beans, nor grinders that were opened with force. To make a claim, send the serial number, which stands on the bottom plate, together with the receipt.",
        ),
        Heading(2, "Spare parts"),
        Text(
            "All parts can be ordered for at least ten years after the last grinder of this model was sold. A set of burrs costs 49 euros, a hopper 19 euros.",
        ),
    ])
}
