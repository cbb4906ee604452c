use proptest::prelude::*;

use super::*;

fn operands(content: &str) -> Vec<Operand> {
    Lexer::new(content.as_bytes())
        .filter_map(|token| match token {
            Token::Operand(operand) => Some(operand),
            Token::Operator(_) => None,
        })
        .collect()
}

#[test]
fn numbers_are_read_as_writers_produce_them() {
    let values: Vec<f32> = operands("1 -2.5 .5 5. +3 --1 0.001 - 1.5-2")
        .iter()
        .filter_map(Operand::number)
        .collect();
    assert_eq!(values, [1.0, -2.5, 0.5, 5.0, 3.0, -1.0, 0.001, 0.0, 1.5]);
}

#[test]
fn strings_resolve_escapes_and_balanced_parentheses() {
    let expected = [
        Operand::String(b"a(b)c".to_vec()),
        Operand::String(b"\n\\)A ".to_vec()),
        Operand::String(b"ab".to_vec()),
        Operand::String(vec![0xAB, 0xC0]),
    ];
    assert_eq!(operands("(a(b)c) (\\n\\\\\\)\\101\\40) (a\\\nb) <aB C>"), expected);
}

#[test]
fn names_resolve_their_escapes_and_dictionaries_nest() {
    assert_eq!(
        operands("/A#20B <</X [1 (two)] /Y <</Z null>>>>"),
        [
            Operand::Name("A B".to_owned()),
            Operand::Dictionary(vec![
                (
                    "X".to_owned(),
                    Operand::Array(vec![Operand::Number(1.0), Operand::String(b"two".to_vec())])
                ),
                (
                    "Y".to_owned(),
                    Operand::Dictionary(vec![("Z".to_owned(), Operand::Other)])
                ),
            ]),
        ]
    );
}

#[test]
fn image_data_is_skipped_although_it_contains_the_end_marker() {
    let mut content = b"BI /W 1 ID \x01 EI\x02\x03\xff EI Q (after) Tj".to_vec();
    content.extend_from_slice(b" ET");
    let mut lexer = Lexer::new(&content);
    while let Some(token) = lexer.next() {
        if token == Token::Operator(b"ID") {
            lexer.skip_image_data();
            break;
        }
    }
    assert_eq!(lexer.next(), Some(Token::Operator(b"Q")));
    assert_eq!(lexer.next(), Some(Token::Operand(Operand::String(b"after".to_vec()))));
}

#[test]
fn a_tower_of_brackets_ends() {
    let tower = "[".repeat(100_000) + "(text) Tj";
    assert!(Lexer::new(tower.as_bytes()).count() < 200_000);
    let tower = "<</A".repeat(100_000);
    assert!(Lexer::new(tower.as_bytes()).count() < 200_000);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(content: Vec<u8>) {
        let tokens = Lexer::new(&content).count();
        prop_assert!(tokens <= content.len());
    }

    #[test]
    fn bytes_like_syntax_are_read_to_their_end(content in "[\\[\\]<>()/%{} a-z0-9.\\\\\n-]{0,200}") {
        let mut lexer = Lexer::new(content.as_bytes());
        while let Some(token) = lexer.next() {
            if token == Token::Operator(b"id") {
                lexer.skip_image_data();
            }
        }
    }
}
