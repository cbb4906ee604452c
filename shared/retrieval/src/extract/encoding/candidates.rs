//! The encodings that a text may be in, the most common first.

use encoding_rs::Encoding;

use super::single_byte::{self, MissingWords};
use super::{Score, multibyte};

/// How to decode bytes.
#[derive(Clone, Copy)]
pub(super) enum Decoder {
    /// An encoding of the web with several bytes for a character.
    Multibyte(&'static Encoding),
    /// An encoding of the web with one byte for a character.
    SingleByte(&'static Encoding),
    /// A code page of DOS: the characters of the bytes from 0x80.
    CodePage(&'static str),
}

/// Of two encodings with the same reading the first one wins.
pub(super) fn candidates() -> impl Iterator<Item = Decoder> {
    let multibyte = MULTIBYTE.into_iter().map(Decoder::Multibyte);
    let single = SINGLE_BYTE.into_iter().map(Decoder::SingleByte);
    single
        .chain(CODE_PAGES.into_iter().map(Decoder::CodePage))
        .chain(multibyte)
}

const MULTIBYTE: [&Encoding; 5] = [
    encoding_rs::SHIFT_JIS,
    encoding_rs::GB18030,
    encoding_rs::BIG5,
    encoding_rs::EUC_KR,
    encoding_rs::EUC_JP,
];

const SINGLE_BYTE: [&Encoding; 21] = [
    encoding_rs::WINDOWS_1252,
    encoding_rs::WINDOWS_1250,
    encoding_rs::WINDOWS_1251,
    encoding_rs::WINDOWS_1254,
    encoding_rs::WINDOWS_1253,
    encoding_rs::WINDOWS_1255,
    encoding_rs::WINDOWS_1256,
    encoding_rs::WINDOWS_1257,
    encoding_rs::WINDOWS_1258,
    encoding_rs::WINDOWS_874,
    encoding_rs::ISO_8859_15,
    encoding_rs::ISO_8859_2,
    encoding_rs::ISO_8859_4,
    encoding_rs::ISO_8859_5,
    encoding_rs::ISO_8859_6,
    encoding_rs::ISO_8859_7,
    encoding_rs::KOI8_U,
    encoding_rs::KOI8_R,
    encoding_rs::IBM866,
    encoding_rs::MACINTOSH,
    encoding_rs::X_MAC_CYRILLIC,
];

/// 850 with the euro sign (858), 437, 852, 737, 857, 775 and 862. U+FFFD stands for bytes without a character.
#[rustfmt::skip]
const CODE_PAGES: [&str; 7] = [
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀ωάέήϊίόύϋώΆΈΉΊΌΎΏ±≥≤ΪΫ÷≈°∙·√ⁿ²■\u{a0}",
    "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ\u{fffd}ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ\u{fffd}×ÚÛÙìÿ¯´\u{ad}±\u{fffd}¾¶§÷¸°¨·¹³²■\u{a0}",
    "ĆüéāäģåćłēŖŗīŹÄÅÉæÆōöĢ¢ŚśÖÜø£Ø×¤ĀĪóŻżź”¦©®¬½¼Ł«»░▒▓│┤ĄČĘĖ╣║╗╝ĮŠ┐└┴┬├─┼ŲŪ╚╔╩╦╠═╬Žąčęėįšųūž┘┌█▄▌▐▀ÓßŌŃõÕµńĶķĻļņĒŅ’\u{ad}±“¾¶§÷„°∙·¹³²■\u{a0}",
    "אבגדהוזחטיךכלםמןנסעףפץצקרשת¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
];

impl Decoder {
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Multibyte(encoding) | Self::SingleByte(encoding) => {
                encoding.decode_without_bom_handling(bytes).0.into_owned()
            }
            Self::CodePage(upper) => {
                let upper: Vec<char> = upper.chars().collect();
                let read = |byte: u8| match byte.checked_sub(0x80) {
                    None => char::from(byte),
                    Some(index) => upper
                        .get(usize::from(index))
                        .copied()
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                };
                bytes.iter().map(|byte| read(*byte)).collect()
            }
        }
    }

    pub(super) fn is(self, other: &'static Encoding) -> bool {
        match self {
            // GB18030 is GBK with more characters.
            Self::Multibyte(encoding) => {
                encoding == other || (encoding == encoding_rs::GB18030 && other == encoding_rs::GBK)
            }
            Self::SingleByte(encoding) => encoding == other,
            Self::CodePage(_) => false,
        }
    }

    pub(super) fn score(self, sample: &[u8], missing: &MissingWords) -> Score {
        match self {
            Self::Multibyte(encoding) => multibyte::score(encoding, sample),
            Self::SingleByte(_) | Self::CodePage(_) => single_byte::score(&self.decode(sample), missing),
        }
    }

    #[cfg(test)]
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Multibyte(encoding) | Self::SingleByte(encoding) => {
                let (bytes, _, has_errors) = encoding.encode(text);
                (!has_errors).then(|| bytes.into_owned())
            }
            Self::CodePage(upper) => {
                let byte = |c: char| match u8::try_from(c) {
                    Ok(byte) if byte.is_ascii() => Some(byte),
                    _ => u8::try_from(upper.chars().position(|other| other == c)? + 0x80).ok(),
                };
                text.chars().map(byte).collect()
            }
        }
    }

    #[cfg(test)]
    pub(super) fn name(self) -> &'static str {
        const NAMES: [&str; 7] = ["cp858", "cp437", "cp852", "cp737", "cp857", "cp775", "cp862"];
        match self {
            Self::Multibyte(encoding) | Self::SingleByte(encoding) => encoding.name(),
            Self::CodePage(upper) => CODE_PAGES
                .iter()
                .position(|other| *other == upper)
                .map_or("", |index| NAMES[index]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_page_has_a_character_for_each_upper_byte() {
        for page in CODE_PAGES {
            assert_eq!(page.chars().count(), 128);
        }
    }
}
