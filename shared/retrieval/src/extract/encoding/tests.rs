use proptest::prelude::*;

use super::candidates::{Decoder, candidates};
use super::*;

/// Sentences in many languages, with the encodings in which their texts are found.
#[rustfmt::skip]
const TEXTS: &[(&str, &[&str])] = &[
    ("Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sollen einander im Geiste der Brüderlichkeit begegnen.", &["windows-1252", "cp858", "cp437", "macintosh", "windows-1250", "ISO-8859-15"]),
    ("Tous les êtres humains naissent libres et égaux en dignité et en droits. Le cœur a ses raisons.", &["windows-1252", "macintosh", "ISO-8859-15"]),
    ("Déjà vu à l'école, ça coûte 20 francs, où êtes-vous, Noël ?", &["windows-1252", "cp858", "cp437", "macintosh"]),
    ("Todos los seres humanos nacen libres e iguales. ¿Cuántos años tiene la niña? ¡Mañana será otro día!", &["windows-1252", "cp858", "cp437", "macintosh"]),
    ("Todos os seres humanos nascem livres e iguais em direitos. A razão e a consciência são irmãs; ações não são só promessas.", &["windows-1252", "cp858", "macintosh"]),
    ("Tutti gli esseri umani nascono liberi. La libertà è così cara perché non si può comprare più volte.", &["windows-1252", "cp858", "cp437", "macintosh"]),
    ("Alla människor är födda fria och lika i värde och rättigheter. Smörgåsbord på sjön.", &["windows-1252", "cp858", "cp437", "macintosh"]),
    ("Alle mennesker er født frie og lige i værdighed og rettigheder. På gensyn i Århus.", &["windows-1252", "cp858", "macintosh"]),
    ("Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Hyvää päivää.", &["windows-1252", "cp858", "cp437", "macintosh"]),
    ("Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum. Það er þægilegt.", &["windows-1252", "cp858"]),
    ("Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Zażółć gęślą jaźń.", &["windows-1250", "cp852", "ISO-8859-2"]),
    ("Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Příliš žluťoučký kůň.", &["windows-1250", "cp852", "ISO-8859-2"]),
    ("Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Hűvös eső, gyümölcs.", &["windows-1250", "cp852", "ISO-8859-2"]),
    ("Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Čaša vode, žuta kuća, šuma.", &["windows-1250", "cp852", "ISO-8859-2"]),
    ("Şi ţara, să fie aşa în toată lumea, când vântul bate; fiinţele umane se nasc libere şi egale.", &["windows-1250", "cp852", "ISO-8859-2"]),
    ("Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler. İyi günler.", &["windows-1254", "cp857"]),
    ("Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė; ačiū už viską.", &["windows-1257", "cp775"]),
    ("Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās. Paldies, ļoti labi.", &["windows-1257", "cp775"]),
    ("Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt.", &["windows-1257", "windows-1252", "cp775"]),
    ("Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью.", &["windows-1251", "KOI8-R", "IBM866", "ISO-8859-5", "x-mac-cyrillic"]),
    ("Привет, мир!", &["windows-1251", "KOI8-R", "IBM866", "ISO-8859-5"]),
    ("Всі люди народжуються вільними і рівними у своїй гідності та правах. Її серце в Києві.", &["windows-1251", "KOI8-U", "ISO-8859-5"]),
    ("Всички хора се раждат свободни и равни по достойнство и права. Те са надарени с разум и съвест.", &["windows-1251", "ISO-8859-5"]),
    ("Сва људска бића рађају се слободна и једнака у достојанству и правима.", &["windows-1251", "ISO-8859-5"]),
    ("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.", &["windows-1253", "ISO-8859-7", "cp737"]),
    ("כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון.", &["windows-1255", "cp862"]),
    ("يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا.", &["windows-1256", "ISO-8859-6"]),
    ("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ", &["windows-874"]),
    ("すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。", &["Shift_JIS", "EUC-JP", "ISO-2022-JP"]),
    ("東京都の天気です。", &["Shift_JIS", "EUC-JP", "ISO-2022-JP"]),
    ("人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。", &["gb18030"]),
    ("我们明天发货。", &["gb18030"]),
    ("人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。", &["Big5"]),
    ("我們明天出貨，謝謝。", &["Big5"]),
    ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", &["EUC-KR"]),
    ("안녕하세요, 반갑습니다.", &["EUC-KR"]),
    ("The lamp’s price is £25 — “free” returns at the café.", &["windows-1252", "macintosh"]),
    ("Müller", &["windows-1252", "cp858", "macintosh"]),
];

fn encode(text: &str, encoding: &str) -> Vec<u8> {
    if encoding == "ISO-2022-JP" {
        return ISO_2022_JP.encode(text).0.into_owned();
    }
    let decoder = candidates()
        .find(|decoder| decoder.name() == encoding)
        .expect("a candidate");
    decoder.encode(text).expect("an encoding of this language")
}

#[test]
fn a_sentence_in_any_language_is_read_in_each_of_its_encodings() {
    let mut wrong = Vec::new();
    for (text, encodings) in TEXTS {
        for encoding in *encodings {
            let read = decode(&encode(text, encoding));
            if read.as_deref() != Ok(text) {
                wrong.push(format!("{encoding}: {text} -> {read:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn wide_characters_are_read_without_a_byte_order_mark() {
    for (text, _) in TEXTS {
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let utf32_big: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        for bytes in [little, big, utf32, utf32_big] {
            assert!(is_text(&bytes), "{text}");
            assert_eq!(decode(&bytes).as_deref(), Ok(*text));
        }
    }
}

#[test]
fn a_byte_order_mark_decides_and_is_no_text() {
    let text = "Grüße, 豆";
    let marked: Vec<u8> = ["\u{feff}", text].concat().into_bytes();
    assert_eq!(decode(&marked).as_deref(), Ok(text));
    let with_mark = || std::iter::once(0xfeff).chain(text.encode_utf16());
    assert_eq!(
        decode(&with_mark().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).as_deref(),
        Ok(text)
    );
    assert_eq!(
        decode(&with_mark().flat_map(u16::to_be_bytes).collect::<Vec<_>>()).as_deref(),
        Ok(text)
    );
    let wide = || std::iter::once('\u{feff}').chain(text.chars()).map(u32::from);
    assert_eq!(
        decode(&wide().flat_map(u32::to_le_bytes).collect::<Vec<_>>()).as_deref(),
        Ok(text)
    );
    assert_eq!(
        decode(&wide().flat_map(u32::to_be_bytes).collect::<Vec<_>>()).as_deref(),
        Ok(text)
    );
}

#[test]
fn a_few_wrong_bytes_do_not_change_the_encoding() {
    let text = "Grüße aus dem Café in Köln. ".repeat(20);
    let mut bytes = text.clone().into_bytes();
    bytes.splice(0..0, *b"Stra\xdfe \x93zu\x94 ");
    assert_eq!(decode(&bytes), Ok(format!("Straße “zu” {text}")));
    let japanese = "当店では毎週月曜日に豆を焙煎しています。";
    let bytes = [japanese.as_bytes(), b"\xe3", japanese.as_bytes()].concat();
    assert_eq!(decode(&bytes), Ok(format!("{japanese}\u{fffd}{japanese}")));
    // Cut within the last character.
    let cut = &japanese.as_bytes()[..japanese.len() - 1];
    assert!(decode(cut).is_ok_and(|text| text.starts_with("当店では毎週")));
}

#[test]
fn the_encoding_of_a_long_text_is_decided_where_it_matters() {
    let text = "Only ASCII here.\n".repeat(100_000) + "Ein Kaffee für die Müllers, größer und süßer.\n";
    for encoding in ["windows-1252", "cp858", "macintosh"] {
        assert_eq!(
            decode(&encode(&text, encoding)).as_deref(),
            Ok(text.as_str()),
            "{encoding}"
        );
    }
}

#[test]
fn frames_of_a_console_are_frames() {
    let text = "╔════════════╗\n║ Größe: 5 m ║\n╚════════════╝\n";
    for encoding in ["cp437", "cp858"] {
        assert_eq!(decode(&encode(text, encoding)).as_deref(), Ok(text), "{encoding}");
    }
}

#[test]
fn noise_is_refused_rather_than_read_as_letters() {
    let mut state = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(state >> 56).unwrap_or(0)
    })
    .filter(|byte| *byte >= b' ' && *byte != 0x7f)
    .take(4_000)
    .collect();
    assert_eq!(decode(&noise), Err(ExtractError::UnknownEncoding));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = is_text(&bytes);
        let _ = decode(&bytes);
    }

    #[test]
    fn utf8_is_never_taken_for_anything_else(text in "\\PC{0,60}") {
        prop_assume!(!text.starts_with('\u{feff}'));
        prop_assert_eq!(decode(text.as_bytes()), Ok(text.clone()));
    }
}

/// Each reading of a text has a score, so that the order of the candidates matters for equal ones only.
#[test]
fn the_candidates_are_told_apart() {
    let names: std::collections::HashSet<&str> = candidates().map(Decoder::name).collect();
    assert_eq!(names.len(), candidates().count());
}
