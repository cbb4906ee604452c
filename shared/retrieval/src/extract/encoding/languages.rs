//! What texts in a language look like: its letters, their neighbors, its frequent words.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Languages whose words mix ASCII with other letters.
pub(super) static LATIN: LazyLock<Vec<Latin>> = LazyLock::new(|| {
    let lines = include_str!("latin.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(Latin::parse).collect()
});

/// A language whose words mix ASCII with other letters.
pub(super) struct Latin {
    /// Its frequent words that are ASCII.
    pub(super) words: Vec<&'static str>,
    pub(super) letters: HashMap<char, Letter>,
}

/// A letter that is not ASCII.
pub(super) struct Letter {
    /// 0 is the most frequent one of the language.
    pub(super) rank: u32,
    /// The letters before and after it, the most frequent first; `_` is the edge of a word.
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

impl Latin {
    fn parse(line: &'static str) -> Option<Self> {
        let (_, rest) = line.split_once('\t')?;
        let (words, letters) = rest.split_once('\t')?;
        let letters = (0..).zip(letters.split(' ')).filter_map(|(rank, letter)| {
            let (before, after) = letter.split_once('/')?;
            let c = before.chars().next()?;
            let before = before.get(c.len_utf8()..)?;
            Some((c, Letter { rank, before, after }))
        });
        Some(Self {
            words: words.split(' ').collect(),
            letters: letters.collect(),
        })
    }
}

/// The letters of languages with a script of their own, the most frequent first, in lower case. Vietnamese is among them
/// because most of its words have such letters, too.
#[rustfmt::skip]
pub(super) const ALPHABETS: [&str; 14] = [
    "đôưáàểếêệạộảịợốậóầớấùụặẽỗọíủìềờãữựứýâúơởỉăẵắằẹèẻòỏõỡừửỳỷỹỵĩũéẩẫổồ", // Vietnamese
    "оеаинтрслвпкдмуязыьйбчгжхцюшщэёфъ", // Russian
    "оаниевтрікслпдумзяйбчьгжхцєюшїщґф", // Ukrainian
    "аеионтрсвдпкзлмъябучгжйцшщхфюь", // Bulgarian
    "аныркеліствдпямцоузьўэчгбйшжхюёф", // Belarusian
    "аеионртскпудвмзјлбгњчшцљжћхђфџ", // Serbian
    "аеоитнрксдвплмзујбчгњцжшќхѓљѕџф", // Macedonian
    "αοετινσρμηπκυςλίδγέήόάχωθφύβώξζψϊϋΐ", // Greek
    "יותהמלראנשבקפדסעגחםכטןצזךץף", // Hebrew
    "اليمرتوةنفدعبسحقكصأجطهخإشذغضزىثئءظؤآـ", // Arabic
    "اینردهتومبشسکلپفزگخعجقصحطچآذغظضئثژأ", // Persian
    "าอรัมกนีเงิดืุูึำลตยบสแไวขพทหคจปะชำใถฟโซณผธภญษฐศฉฤฆฏฎฌฑฒฬฮ", // Thai
    "аеиноқрлтсдкыуйғмәбзңпгүшөіһжвхяюэчцфщъьё", // Kazakh
    "аеинорлтдксымуйгбзпөңшүжчхвэцюяёфьъщ", // Kyrgyz, Mongolian
];

pub(super) mod frequent {
    pub(in super::super) const SIMPLIFIED: &str = "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件表安原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏兴钟项输效列示错录参型显模除引序命间误";
    pub(in super::super) const TRADITIONAL: &str = "的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小麼心多天而能好都然沒日於起還發成事只作當想看文無手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由卻代軍產入先山五太水萬市眼體別處總才場師書比住員九笑性通目華報立馬命張活難神數件表安原車白應路期叫死常提感金何更反合放做系計或司利受光王果親界及今京務制解各任至清物台象記邊共風戰幹接它許八特覺望直服毛林題建南度統色字請交愛讓認算論百吃義科怎元社術結六功指思非流每青管夫連遠資隊跟帶花快條院變聯言權往展該領傳近留紅治決週保達辦運武半候七必城父強步完革深區即求品士轉量空甚眾技輕程告江語英基派滿式息寫呢識極令黃德收臉錢黨倒未持取設始版雙歷越史商千片容研像找友孩站廣改議形委早房音火際則首單據導影失拿網香似斯專石若兵弟誰校讀志飛觀爭究包組造落視濟喜離項輸效列示錯錄參型顯模除引序誤檔";
    pub(in super::super) const KANJI: &str = "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨会同事自社発者地業方新場員立開手力問代明動京目通言理体田主題意不作用度強公持野以思家世多正安院心界教文元重近考画海売知道集別物使品計死特私始朝運終台広住真有口少町料工建空急止送切転研究楽起着店病質待試族銀早映親験英医仕去味写字答夜音注帰古歌買悪図週室歩風紙黒花春赤青館屋色走秋夏習駅洋旅服夕借曜飲肉貸堂鳥飯勉冬昼茶弟牛魚兄犬妹姉漢当返承内定数変対実成表値設効指無加報保部必要法関係所性的全分合果現最連期市調経済産関政治議民決戦制相点機化平取活結約進都確向解利選第件能語番号付続認次記参由設置";
    pub(in super::super) const HANGUL: &str = "이다니지을수에습는로를하시자없가스일의정기용파서음합사리어할트인한은오션위터않문있그아대드제보상으만부값름표프옵치작크모함해실패입력데형전바버여식고소명설나경행면중키된업도되요디열들성세메블구못목적라개출호록과비동레변류료거테잘령번조야원미내단장환필브화태렉마우했타현체추주유너연간복재코읽무본분안항와커계색선반러공결최것게년들국때말생각사람우리저회당신집물날좋많학교월일";
}
