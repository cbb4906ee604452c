use super::*;

#[test]
fn the_language_of_a_paragraph_is_found() {
    for (language, text) in [
        (
            Language::English,
            "The grinder has a warranty of five years. Write to the support team with your order number if you want to \
             return it, and we will send you a label for the parcel.",
        ),
        (
            Language::German,
            "Die Mühle hat eine Garantie von fünf Jahren. Schreiben Sie dem Kundendienst mit Ihrer Bestellnummer, wenn \
             Sie sie zurückgeben möchten, und wir schicken Ihnen einen Aufkleber.",
        ),
        (
            Language::Spanish,
            "El molinillo tiene una garantía de cinco años. Escriba al servicio de atención al cliente con su número de \
             pedido si quiere devolverlo y le enviaremos una etiqueta.",
        ),
        (
            Language::Turkish,
            "Değirmenin beş yıl garantisi vardır. İade etmek isterseniz sipariş numaranızla birlikte müşteri hizmetlerine \
             yazın, size paket için bir etiket göndereceğiz.",
        ),
        (
            Language::Russian,
            "Гарантия на кофемолку составляет пять лет. Напишите в службу поддержки и укажите номер заказа.",
        ),
        (
            Language::Arabic,
            "تتمتع المطحنة بضمان لمدة خمس سنوات. اكتب إلى فريق الدعم مع رقم طلبك إذا كنت تريد إعادتها إلينا قريبا.",
        ),
        (
            Language::Hindi,
            "ग्राइंडर की पांच साल की गारंटी है। अगर आप इसे वापस करना चाहते हैं तो अपने ऑर्डर नंबर के साथ हमें लिखें।",
        ),
        (Language::Chinese, "研磨机有五年保修。"),
        (Language::Japanese, "グラインダーには五年間の保証があります。"),
        (Language::Korean, "그라인더는 5년 보증이 있습니다."),
    ] {
        let found = detect(text).or_else(|| detect_by_words(text));
        assert_eq!(found, Some(language), "{text}");
    }
    for unclear in ["", "42", "OK", "Meridian 9000 XL"] {
        assert_eq!(detect(unclear), None, "{unclear}");
    }
}

#[test]
fn a_short_text_is_recognized_by_its_common_words() {
    for (language, text) in [
        (
            Language::English,
            "The warranty of a grinder is two years. Returns of coffee take thirty days.",
        ),
        (
            Language::German,
            "Die Garantie gilt fünf Jahre und umfasst auch den Motor.",
        ),
        (Language::Spanish, "La garantía del molinillo es de cinco años."),
    ] {
        assert_eq!(detect_by_words(text), Some(language), "{text}");
    }
    for unclear in ["", "42", "Meridian 9000 XL"] {
        assert_eq!(detect_by_words(unclear), None, "{unclear}");
    }
}

#[test]
fn the_language_of_a_question_is_one_of_the_documents() {
    let among = [Language::English, Language::German, Language::French];
    for (language, question) in [
        (Language::German, "Wie lange ist die Garantie?"),
        (Language::French, "Quelle est la durée de la garantie ?"),
        (Language::English, "How long is the warranty?"),
        (Language::English, "warranty"),
    ] {
        assert_eq!(of_question(question, &among), language, "{question}");
    }
    assert_eq!(
        of_question("Wann ist die Lieferung?", &[Language::Unknown]),
        Language::German
    );
    assert_eq!(of_question("42", &[]), Language::Unknown);
}

#[test]
fn the_numbers_of_languages_are_stored_and_never_change() {
    for (index, language) in Language::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(language.code()), index);
        assert_eq!(Language::from_code(language.code()), Some(language));
    }
    assert_eq!(Language::from_code(22), None);
    assert_eq!(Language::German.code(), 8);
}

#[test]
fn each_table_has_words() {
    for language in Language::ALL.into_iter().skip(1) {
        let words = language.words();
        assert!(
            words.stop.len() > 20 && !words.number.is_empty() && !words.name.is_empty(),
            "{language:?}"
        );
        assert!(
            !words.leans.is_empty() && !words.points.is_empty() && !words.more.is_empty(),
            "{language:?}"
        );
    }
}
