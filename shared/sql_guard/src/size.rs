//! How large a query may be. What walks through a query calls itself for each level of it, and some of that is not
//! written here: copying, comparing and dropping it. So its depth is bounded before it is read, by what could deepen it.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use crate::{MAX_DEPTH, Refusal};

/// Most parts: words, numbers, signs.
const MAX_TOKENS: usize = 5_000;
/// Most operators, keywords and brackets: each of `1 + 1 + 1` is a level. Twice as many levels still fit into the 2 MB of
/// a thread without optimization.
const MAX_OPERATORS: usize = 400;

/// Returns why a text that was divided into its parts is too large to be read.
pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let (mut parts, mut operators, mut open) = (0, 0, 0_usize);
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen => {
                open += 1;
                if open > MAX_DEPTH {
                    return Err(Refusal::TooDeep);
                }
            }
            Token::RParen => open = open.saturating_sub(1),
            token if deepens(token) => operators += 1,
            _ => {}
        }
        parts += 1;
    }
    if parts > MAX_TOKENS || operators > MAX_OPERATORS {
        return Err(Refusal::TooMany);
    }
    Ok(())
}

/// Returns whether a part may make a query deeper: all but what only stands beside others.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Comma | Token::Period | Token::SemiColon | Token::Number(..) | Token::SingleQuotedString(_) => false,
        Token::Word(word) => word.quote_style.is_none() && word.keyword != Keyword::NoKeyword,
        _ => true,
    }
}
