//! Documents that are the same in every run: an invented workshop's maintenance manuals.

/// Pages of a document; each makes about two passages.
const PAGES: usize = 25;
/// Sentences on a page.
const SENTENCES: usize = 26;

const MACHINES: [&str; 12] = [
    "lathe",
    "mill",
    "press",
    "grinder",
    "shear",
    "planer",
    "saw",
    "drill",
    "furnace",
    "crane",
    "conveyor",
    "compressor",
];
const PARTS: [&str; 16] = [
    "bearing",
    "spindle",
    "belt",
    "filter",
    "gearbox",
    "coolant pump",
    "chuck",
    "guide rail",
    "motor",
    "valve",
    "seal",
    "clutch",
    "bed",
    "lamp",
    "switch",
    "guard",
];
const WORK: [&str; 10] = [
    "is cleaned with a soft brush",
    "is checked for cracks under bright light",
    "is greased before the first shift",
    "is measured and written down",
    "is tightened crosswise by hand",
    "is left to cool down",
    "is covered against dust overnight",
    "is turned twice to seat it",
    "is compared with the drawing",
    "is marked with the date",
];
const REASONS: [&str; 8] = [
    "because chips collect there",
    "before the operator leaves",
    "whenever the noise changes",
    "after a long standstill",
    "so that the surface stays even",
    "unless the supervisor says otherwise",
    "while the main switch is off",
    "at the start of each month",
];

/// Name and bytes of a document of 25 pages; every other one is a PDF.
pub(super) fn document(number: usize) -> (String, Vec<u8>) {
    let mut dice = Dice(number as u64 + 1);
    let mut pages: Vec<String> = (0..PAGES).map(|_| page(&mut dice)).collect();
    let middle = PAGES / 2;
    pages[middle] = format!(
        "{}\nThe alarm code of hall {} is {}.",
        pages[middle],
        hall(number),
        fact(number)
    );
    if number.is_multiple_of(2) {
        let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
        (format!("manual-{number}.pdf"), samples::text_pdf(&pages))
    } else {
        (format!("manual-{number}.txt"), pages.join("\n\n").into_bytes())
    }
}

/// A question that only [`document`] `number` answers.
pub(super) fn question(number: usize) -> String {
    format!("What is the alarm code of hall {}?", hall(number))
}

/// What stands in the right answer to [`question`].
pub(super) fn fact(number: usize) -> String {
    (7_301 + 17 * number).to_string()
}

/// A text of about 2 kB.
pub(super) fn note(number: u32) -> Vec<u8> {
    page(&mut Dice(1_000 + u64::from(number))).into_bytes()
}

fn hall(number: usize) -> String {
    format!("H{}", 210 + number)
}

fn page(dice: &mut Dice) -> String {
    let sentences = (0..SENTENCES).map(|_| {
        let (machine, part) = (dice.pick(&MACHINES), dice.pick(&PARTS));
        format!(
            "The {part} of the {machine} {} {}.",
            dice.pick(&WORK),
            dice.pick(&REASONS)
        )
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// Numbers that look random and are the same every time: Knuth's MMIX generator, upper half.
struct Dice(u64);

impl Dice {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        from[(self.0 >> 33) as usize % from.len()]
    }
}
