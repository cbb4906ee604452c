//! Questions and documents in other languages than English.

use serde_json::json;

use crate::support::Test;

const DOCUMENTS: [(&str, &str); 5] = [
    (
        "bedingungen.txt",
        "Die Kündigung ist bis zum Ende des Monats möglich. Das Sommerfest im Schloss beginnt am 25. Juni um zehn Uhr. \
         Die Garantie der Kaffeemühle gilt fünf Jahre und umfasst z. B. den Motor.",
    ),
    (
        "condiciones.txt",
        "La garantía del molinillo es de cinco años. Las devoluciones son gratuitas durante treinta días. El Sr. Pérez \
         dirige la tienda de Madrid desde 1998.",
    ),
    (
        "условия.txt",
        "Гарантия на кофемолку действует пять лет. Возврат товара возможен в течение 30 дней. Наша кофейня открыта с 8 до 20 \
         часов каждый день.",
    ),
    (
        "条款.txt",
        "咖啡研磨机的保修期为五年。退货在三十天内免费。我们的总店位于上海市。",
    ),
    (
        "koşullar.txt",
        "Kahve değirmeninin garantisi beş yıldır. İadeler otuz gün içinde ücretsizdir. Mağazamız İstanbul'da bulunuyor ve her \
         gün açıktır.",
    ),
];

#[tokio::test]
async fn a_question_is_answered_in_the_language_of_its_documents() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let mut documents = Vec::new();
    for (name, text) in DOCUMENTS {
        documents.push(ada.upload(name, text).await.created().text("id"));
    }
    t.drain().await;
    let ids: Vec<&str> = documents.iter().map(String::as_str).collect();
    let bot = ada.chatbot(&ids).await;
    for (document, question, answer) in [
        (
            0,
            "Wie kann ich kündigen?",
            "Die Kündigung ist bis zum Ende des Monats möglich. [1]",
        ),
        (
            0,
            "wie lange gilt die garantie der kaffeemuehle",
            "Die Garantie der Kaffeemühle gilt fünf Jahre und umfasst z. B. den Motor. [1]",
        ),
        (
            0,
            "Wann beginnt das Sommerfest?",
            "Das Sommerfest im Schloss beginnt am 25. Juni um zehn Uhr. [1]",
        ),
        (
            1,
            "¿Quién dirige la tienda de Madrid?",
            "El Sr. Pérez dirige la tienda de Madrid desde 1998. [1]",
        ),
        (
            2,
            "Сколько лет действует гарантия на кофемолку?",
            "Гарантия на кофемолку действует пять лет. [1]",
        ),
        (3, "咖啡研磨机的保修期是多久？", "咖啡研磨机的保修期为五年。 [1]"),
        (
            4,
            "Kahve değirmeninin garantisi kaç yıl?",
            "Kahve değirmeninin garantisi beş yıldır. [1]",
        ),
    ] {
        let asked = json!({"model": format!("chatbot/{bot}"), "message": question});
        let got = ada.post("/api/v1/ai/chat", asked).await.ok().json();
        assert_eq!(got["content"], answer, "{question}");
        assert_eq!(got["sources"][0]["document_id"], documents[document], "{question}");
        let excerpt = got["sources"][0]["excerpt"].as_str().unwrap_or_default();
        assert!(
            excerpt.contains(answer.trim_end_matches(" [1]")),
            "{question}: {excerpt}"
        );
    }
}
