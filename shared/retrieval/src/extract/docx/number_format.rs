//! How a number of a list is written (`ST_NumberFormat`, ISO/IEC 29500-1, 17.18.59).

/// Larger numbers are written in digits whatever the format.
const MOST_IN_WORDS: u32 = 3_999;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum NumberFormat {
    #[default]
    Decimal,
    /// At least two digits.
    DecimalZero,
    UpperRoman,
    LowerRoman,
    UpperLetter,
    LowerLetter,
    /// `1st`, `2nd`.
    Ordinal,
    /// `①`
    Circled,
    /// Chinese and Japanese: `十二`.
    Ideographic,
    /// Russian letters.
    Cyrillic {
        is_upper: bool,
    },
    /// `*`, `†`, `‡`, `§`
    Chicago,
    /// A symbol instead of a number.
    Bullet,
    /// Nothing.
    None,
}

impl NumberFormat {
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "decimalZero" => Self::DecimalZero,
            "upperRoman" => Self::UpperRoman,
            "lowerRoman" => Self::LowerRoman,
            "upperLetter" => Self::UpperLetter,
            "lowerLetter" => Self::LowerLetter,
            "ordinal" => Self::Ordinal,
            "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" => Self::Circled,
            "chineseCounting"
            | "chineseCountingThousand"
            | "japaneseCounting"
            | "taiwaneseCounting"
            | "taiwaneseCountingThousand"
            | "ideographDigital"
            | "japaneseDigitalTenThousand" => Self::Ideographic,
            "russianLower" => Self::Cyrillic { is_upper: false },
            "russianUpper" => Self::Cyrillic { is_upper: true },
            "chicago" => Self::Chicago,
            "bullet" => Self::Bullet,
            "none" => Self::None,
            _ => Self::Decimal,
        }
    }

    pub(super) fn write(self, number: u32) -> String {
        if number > MOST_IN_WORDS {
            return number.to_string();
        }
        match self {
            Self::Decimal => number.to_string(),
            Self::DecimalZero => format!("{number:02}"),
            Self::UpperRoman => roman(number),
            Self::LowerRoman => roman(number).to_lowercase(),
            Self::UpperLetter => repeated_letter(number, 'A'..='Z').unwrap_or_else(|| number.to_string()),
            Self::LowerLetter => repeated_letter(number, 'a'..='z').unwrap_or_else(|| number.to_string()),
            Self::Ordinal => ordinal(number),
            Self::Circled => char::from_u32(0x245f + number)
                .filter(|_| (1..=20).contains(&number))
                .map_or_else(|| number.to_string(), String::from),
            Self::Ideographic => ideographic(number),
            Self::Cyrillic { is_upper } => {
                let letters = "абвгдежзиклмнопрстуфхцчшщэюя".chars();
                let letter = repeated_letter(number, letters).unwrap_or_else(|| number.to_string());
                if is_upper { letter.to_uppercase() } else { letter }
            }
            Self::Chicago => repeated_letter(number, "*†‡§".chars()).unwrap_or_else(|| number.to_string()),
            Self::Bullet | Self::None => String::new(),
        }
    }
}

fn roman(number: u32) -> String {
    const SIGNS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut left = number;
    let mut text = String::new();
    for (value, sign) in SIGNS {
        while left >= value {
            text.push_str(sign);
            left -= value;
        }
    }
    text
}

/// Word continues after `z` with `aa`, `bb`, `cc`.
fn repeated_letter(number: u32, letters: impl Iterator<Item = char>) -> Option<String> {
    let letters: Vec<char> = letters.collect();
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    let times = index / letters.len() + 1;
    let letter = letters.get(index % letters.len())?;
    (times <= 30).then(|| letter.to_string().repeat(times))
}

fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

fn ideographic(number: u32) -> String {
    const DIGITS: [&str; 10] = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |value: u32| usize::try_from(value).ok().and_then(|value| DIGITS.get(value)).copied();
    match number {
        0..=9 => digit(number).unwrap_or_default().to_owned(),
        10..=99 => {
            let tens = if number < 20 {
                ""
            } else {
                digit(number / 10).unwrap_or_default()
            };
            let ones = if number.is_multiple_of(10) {
                ""
            } else {
                digit(number % 10).unwrap_or_default()
            };
            format!("{tens}十{ones}")
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_word_writes_them() {
        let cases = [
            ("decimal", 12, "12"),
            ("decimalZero", 7, "07"),
            ("upperRoman", 1994, "MCMXCIV"),
            ("lowerRoman", 4, "iv"),
            ("upperLetter", 3, "C"),
            ("lowerLetter", 28, "bb"),
            ("ordinal", 23, "23rd"),
            ("ordinal", 12, "12th"),
            ("decimalEnclosedCircle", 3, "③"),
            ("chineseCounting", 12, "十二"),
            ("japaneseCounting", 40, "四十"),
            ("russianLower", 2, "б"),
            ("chicago", 6, "††"),
            ("bullet", 1, ""),
            ("upperRoman", 4_000_000_000, "4000000000"),
            ("lowerLetter", 0, "0"),
        ];
        for (format, number, expected) in cases {
            assert_eq!(NumberFormat::from_name(format).write(number), expected, "{format}");
        }
    }
}
