/* The figures are those of gpt-tokenizer 4.0.0; the texts are our own. */
#include "tokens/estimate.h"

#include "base/buf.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    const char *name, *text;
    uint64_t o200k;
    uint64_t cl100k; /* where the older table comes within a tenth, else 0 */
};

static const struct sample samples[] = {
    {"english letter",
     "Thank you for your letter of the third of May. We have looked into the delay you describe, "
     "and it turns out that two of the parcels were sent to our old warehouse. They left this "
     "morning and should reach you by Friday at the latest. Please tell us if anything is missing "
     "or damaged, and we will replace it at no charge.",
     69, 69},
    {"english chat",
     "hey, can you check why the build is red again? I pushed a small fix last night but it still "
     "fails on my machine... not sure if it's the cache or something else. thanks!",
     39, 40},
    {"english technical",
     "The scheduler keeps one queue per device. When a worker becomes idle it takes the oldest "
     "request whose deadline can still be met; requests that cannot be met are rejected early, so "
     "that they do not waste memory bandwidth. Batching is continuous: new sequences join between "
     "two decoding steps.",
     56, 56},
    {"german",
     "Die Straßenbahn fährt heute wegen Bauarbeiten nur bis zum Hauptbahnhof. Fahrgäste in "
     "Richtung Universitätsklinikum steigen bitte in den Ersatzverkehr um; die Haltestelle "
     "befindet sich gegenüber dem Haupteingang. Wir bitten um Verständnis für die "
     "Unannehmlichkeiten und wünschen Ihnen trotzdem eine gute Weiterreise.",
     65, 0},
    {"french",
     "Le marché a lieu tous les mercredis sur la place de l'église. On y trouve des légumes de "
     "saison, du fromage de chèvre, du pain cuit au feu de bois et, s'il fait beau, un joueur "
     "d'accordéon. Arrivez tôt : à onze heures, il ne reste déjà plus beaucoup de fraises.",
     71, 78},
    {"spanish",
     "Mañana por la tarde llegará el técnico para revisar la calefacción. Si no estás en casa, "
     "deja la llave con la vecina del segundo; ella sabe dónde está el contador. La revisión suele "
     "durar unos veinte minutos y no hay que pagar nada.",
     52, 0},
    {"portuguese",
     "O barco sai às sete da manhã e volta ao fim do dia. Leve água, chapéu e protetor solar, "
     "porque na ilha não há sombra nem cafés. Quem quiser almoçar por lá deve reservar a mesa na "
     "véspera.",
     51, 0},
    {"italian",
     "La biblioteca resterà chiusa dal dieci al venti agosto. I libri presi in prestito possono "
     "essere restituiti nella cassetta accanto all'ingresso, che viene svuotata ogni giorno. Per "
     "le prenotazioni scrivete all'indirizzo indicato sul sito.",
     61, 0},
    {"dutch",
     "De fietsenstalling onder het station is vandaag gratis. Let op: na middernacht gaan de "
     "deuren dicht en kunt u uw fiets pas de volgende ochtend weer ophalen. Vragen? De beheerder "
     "zit achter de balie bij de trap.",
     49, 0},
    {"swedish",
     "Båten går från norra kajen varje hel timme. Hundar får följa med om de hålls kopplade, men "
     "cyklar måste lämnas kvar på land. Vid hård vind ställs turerna in och biljetten gäller då en "
     "annan dag.",
     58, 0},
    {"finnish",
     "Sauna lämpenee kello viideltä, ja järvivesi on jo kahdeksantoista asteista. Muistakaa tuoda "
     "omat pyyhkeet sekä jotakin grillattavaa, sillä kauppa on suljettu viikonlopun ajan.",
     57, 0},
    {"polish",
     "Wycieczka wyrusza spod ratusza o godzinie dziewiątej. Prosimy zabrać wygodne buty, kurtkę "
     "przeciwdeszczową i drugie śniadanie. Przewodnik opowie o historii zamku oraz pokaże "
     "podziemia, których zwykle się nie zwiedza.",
     69, 0},
    {"czech",
     "Zítra ráno přijede opravář a podívá se na pračku. Nechte prosím volný přístup do koupelny a "
     "vypněte hlavní uzávěr vody. Oprava potrvá nejvýše hodinu a zaplatíte až podle skutečné "
     "práce.",
     62, 0},
    {"hungarian",
     "A piac szombaton reggel hattól délig tart nyitva. Friss zöldséget, házi lekvárt és kézzel "
     "készített kosarakat is lehet kapni, de érdemes korán érkezni, mert a legjobb áruk hamar "
     "elfogynak.",
     62, 0},
    {"turkish",
     "Yarın sabah erkenden yola çıkacağız, bu yüzden çantalarınızı akşamdan hazırlayın. Yolda bir "
     "çay molası vereceğiz, öğle yemeğini ise göl kıyısındaki küçük lokantada yiyeceğiz.",
     55, 0},
    {"vietnamese",
     "Sáng mai trời có thể mưa, nên bạn nhớ mang theo áo khoác và ô. Xe sẽ đón mọi người trước "
     "cổng trường lúc bảy giờ, ai đến muộn vui lòng gọi cho lái xe để được chờ thêm vài phút.",
     54, 0},
    {"indonesian",
     "Toko kami buka setiap hari dari pukul delapan pagi sampai pukul sembilan malam. Pesanan yang "
     "masuk sebelum siang akan dikirim pada hari yang sama, kecuali pada hari libur nasional.",
     42, 0},
    {"swahili",
     "Kesho asubuhi tutakwenda sokoni kununua matunda na mboga. Ukitaka kuja nasi, tukutane karibu "
     "na kituo cha basi saa mbili kamili, kisha tutarudi nyumbani kabla ya jua kali.",
     52, 0},
    {"russian",
     "Завтра утром приедет мастер и проверит отопление. Если вас не будет дома, оставьте ключ у "
     "соседки на втором этаже, она знает, где находится счётчик. Проверка займёт минут двадцать и "
     "ничего не стоит.",
     52, 0},
    {"ukrainian",
     "Потяг вирушає о сьомій годині з третьої колії. Квитки можна придбати у касі або в "
     "застосунку, але не забудьте взяти з собою паспорт, бо провідник перевіряє документи перед "
     "посадкою.",
     58, 0},
    {"greek",
     "Το καράβι φεύγει στις επτά το πρωί και επιστρέφει το βράδυ. Πάρτε μαζί σας νερό και καπέλο, "
     "γιατί στο νησί δεν υπάρχει πολλή σκιά, και κλείστε τραπέζι από την προηγούμενη μέρα.",
     64, 0},
    {"arabic",
     "ستصل الحافلة غدا في الساعة السابعة صباحا أمام المدرسة. يرجى من الجميع إحضار الماء والطعام، "
     "لأن الطريق طويل ولا توجد متاجر قريبة. سنعود إلى المدينة قبل غروب الشمس.",
     46, 0},
    {"hebrew",
     "הספרייה תהיה סגורה בשבוע הבא בגלל שיפוצים. אפשר להחזיר ספרים בתיבה שליד הכניסה, והיא מתרוקנת "
     "בכל יום. לשאלות נוספות אפשר לכתוב לנו בדואר האלקטרוני.",
     53, 0},
    {"persian",
     "فردا صبح هوا بارانی خواهد بود، پس چتر و لباس گرم همراه داشته باشید. اتوبوس ساعت هفت از جلوی "
     "مدرسه حرکت می‌کند و تا غروب برمی‌گردیم.",
     44, 0},
    {"hindi",
     "कल सुबह हम सब बाज़ार जाएँगे और ताज़ी सब्ज़ियाँ खरीदेंगे। अगर बारिश हुई तो दोपहर के बाद निकलेंगे। कृपया अपना "
     "थैला साथ लाएँ, क्योंकि दुकानदार अब प्लास्टिक नहीं देते।",
     54, 0},
    {"bengali",
     "আগামীকাল সকালে আমরা নদীর ধারে বেড়াতে যাব। সবাই নিজের খাবার আর জল সঙ্গে আনবে, কারণ সেখানে কোনো "
     "দোকান নেই। বৃষ্টি হলে অনুষ্ঠানটি স্কুলের হলঘরে হবে।",
     43, 0},
    {"tamil",
     "நாளை காலை நாங்கள் சந்தைக்குச் சென்று புதிய காய்கறிகள் வாங்குவோம். மழை பெய்தால் மதியத்திற்குப் பிறகு "
     "செல்லலாம். உங்கள் பையை மறக்காமல் எடுத்து வாருங்கள்.",
     49, 0},
    {"thai",
     "พรุ่งนี้เช้าเราจะไปตลาดเพื่อซื้อผักสดและผลไม้ ถ้าฝนตกเราจะออกเดินทางหลังเที่ยง อย่าลืมนำถุงผ้ามาด้วย "
     "เพราะร้านค้าไม่แจกถุงพลาสติกแล้ว",
     54, 0},
    {"korean",
     "내일 아침 일곱 시에 학교 앞에서 버스가 출발합니다. 비가 올 수도 있으니 우산과 따뜻한 옷을 "
     "준비해 주세요. 점심은 호숫가에 있는 작은 식당에서 먹을 예정입니다.",
     56, 0},
    {"japanese",
     "明日の朝、水道の点検に担当者が伺います。お留守の場合は、二階の隣の方に鍵を預けてください。点"
     "検は二十分ほどで終わり、費用はかかりません。ご不明な点がありましたら、お気軽にお電話ください"
     "。",
     73, 0},
    {"chinese",
     "明天早上七点，校车在学校门口集合。可能会下雨，请大家带好雨伞和外套。午饭在湖边的小餐馆吃，费"
     "用已经包含在报名费里。如果有人不能参加，请今天晚上之前告诉老师。",
     58, 0},
    {"traditional chinese",
     "圖書館下週因為整修而暫停開放。已經借出的書可以放進門口旁邊的還書箱，工作人員每天都會清空。若"
     "有其他問題，請寫信到網站上的信箱，我們會盡快回覆您。",
     66, 0},
    {"georgian",
     "ხვალ დილით ბაზარში წავალთ და ახალ ბოსტნეულს ვიყიდით. თუ იწვიმებს, შუადღის შემდეგ გავალთ. "
     "ჩანთა არ დაგავიწყდეთ.",
     44, 0},
    {"python",
     "def merge(left, right):\n"
     "    \"\"\"Merge two sorted lists into one.\"\"\"\n"
     "    result = []\n"
     "    while left and right:\n"
     "        if left[0] <= right[0]:\n"
     "            result.append(left.pop(0))\n"
     "        else:\n"
     "            result.append(right.pop(0))\n"
     "    return result + left + right\n"
     "\n"
     "\n"
     "class Cache:\n"
     "    def __init__(self, max_bytes=1 << 20):\n"
     "        self.entries = {}\n"
     "        self.max_bytes = max_bytes\n",
     94, 94},
    {"c",
     "static int ring_put(struct ring *r, const void *item, size_t n)\n"
     "{\n"
     "    if (n > r->size - r->used)\n"
     "        return -ENOSPC;\n"
     "    for (size_t i = 0; i < n; i++)\n"
     "        r->data[(r->head + i) & (r->size - 1)] = ((const char *)item)[i];\n"
     "    r->head += n;\n"
     "    r->used += n;\n"
     "    return 0;\n"
     "}\n",
     104, 104},
    {"javascript",
     "export async function fetchAll(urls, { limit = 4 } = {}) {\n"
     "  const results = new Map();\n"
     "  const queue = [...urls];\n"
     "  const worker = async () => {\n"
     "    while (queue.length > 0) {\n"
     "      const url = queue.shift();\n"
     "      const response = await fetch(url, { headers: { accept: 'application/json' } });\n"
     "      if (!response.ok) throw new Error(`${url}: ${response.status}`);\n"
     "      results.set(url, await response.json());\n"
     "    }\n"
     "  };\n"
     "  await Promise.all(Array.from({ length: limit }, worker));\n"
     "  return results;\n"
     "}\n",
     123, 122},
    {"rust",
     "impl<T: Ord + Clone> Heap<T> {\n"
     "    pub fn pop(&mut self) -> Option<T> {\n"
     "        let last = self.items.len().checked_sub(1)?;\n"
     "        self.items.swap(0, last);\n"
     "        let top = self.items.pop();\n"
     "        self.sift_down(0);\n"
     "        top\n"
     "    }\n"
     "}\n",
     68, 68},
    {"sql",
     "SELECT c.name, COUNT(o.id) AS orders, SUM(o.total) AS revenue\n"
     "FROM customers c LEFT JOIN orders o ON o.customer_id = c.id\n"
     "WHERE o.created_at >= '2024-01-01' AND o.status <> 'cancelled'\n"
     "GROUP BY c.name HAVING SUM(o.total) > 1000 ORDER BY revenue DESC LIMIT 20;",
     76, 75},
    {"html",
     "<!doctype html>\n"
     "<html lang=\"en\">\n"
     "  <head><meta charset=\"utf-8\"><title>Garden tools</title><link rel=\"stylesheet\" "
     "href=\"/main.css\"></head>\n"
     "  <body>\n"
     "    <ul class=\"list\">\n"
     "      <li><a href=\"/spade?id=17\">Spade</a> <span class=\"price\">24.90</span></li>\n"
     "      <li><a href=\"/rake?id=18\">Rake</a> <span class=\"price\">17.50</span></li>\n"
     "    </ul>\n"
     "  </body>\n"
     "</html>",
     125, 125},
    {"markdown",
     "# Release notes\n"
     "\n"
     "## Changed\n"
     "- The `--force` flag now asks before it **overwrites** a file.\n"
     "- Reading from a pipe no longer needs `-`; see [the "
     "manual](https://example.org/manual#pipes).\n"
     "\n"
     "## Fixed\n"
     "1. A crash when the list was empty (#123)\n"
     "2. Wrong totals after a rename\n"
     "\n"
     "| version | size | date |\n"
     "| --- | --- | --- |\n"
     "| 1.2.0 | 3.4 MB | 2024-05-01 |\n",
     108, 107},
    {"compact json",
     "[{\"id\":1,\"name\":\"bolt\",\"price\":0.25,\"tags\":[\"steel\",\"m8\"],\"stock\":true},{"
     "\"id\":2,\"name\":\"washer\",\"price\":0.05,\"tags\":[\"steel\"],\"stock\":false},{\"id\":3,"
     "\"name\":\"hinge\",\"price\":3.75,\"tags\":[\"brass\",\"door\"],\"stock\":true}]",
     78, 75},
    {"indented json",
     "{\n"
     "  \"station\": \"north harbour\",\n"
     "  \"readings\": [\n"
     "    { \"at\": \"2024-05-01T06:00:00Z\", \"temperature\": 8.4, \"wind\": 12 },\n"
     "    { \"at\": \"2024-05-01T07:00:00Z\", \"temperature\": 9.1, \"wind\": 15 }\n"
     "  ],\n"
     "  \"alarm\": null\n"
     "}",
     92, 92},
    {"yaml",
     "services:\n"
     "  web:\n"
     "    image: \"registry.example.com/shop/web:1.4.2\"\n"
     "    ports: [\"8080:80\"]\n"
     "    environment:\n"
     "      LOG_LEVEL: info\n"
     "      WORKERS: 4\n"
     "    depends_on: [db]\n"
     "  db:\n"
     "    image: postgres\n"
     "    volumes:\n"
     "      - data:/var/lib/postgresql/data\n",
     74, 74},
    {"shell",
     "set -eu\n"
     "for f in \"$HOME\"/backups/*.tar.gz; do\n"
     "    [ -e \"$f\" ] || continue\n"
     "    age=$(( ($(date +%s) - $(stat -c %Y \"$f\")) / 86400 ))\n"
     "    if [ \"$age\" -gt 30 ]; then rm -v -- \"$f\"; fi\n"
     "done | tee -a /var/log/cleanup.log\n",
     87, 85},
    {"diff",
     "--- a/src/queue.c\n"
     "+++ b/src/queue.c\n"
     "@@ -41,7 +41,8 @@ int queue_push(struct queue *q, void *item)\n"
     "     if (q->n == q->max)\n"
     "         return -1;\n"
     "-    q->items[q->n++] = item;\n"
     "+    q->items[q->n] = item;\n"
     "+    q->n++;\n"
     "     return 0;\n"
     " }\n",
     88, 88},
    {"log lines",
     "2024-05-01 12:00:01,204 INFO  [worker-3] request 7f3a finished status=200 bytes=5120 ms=48\n"
     "2024-05-01 12:00:01,377 WARN  [worker-1] upstream slow: 10.0.12.7:8443 took 1403 ms, "
     "retrying\n"
     "2024-05-01 12:00:02,010 ERROR [worker-1] giving up after 3 attempts: connection reset by "
     "peer\n",
     115, 115},
    {"stack trace",
     "Traceback (most recent call last):\n"
     "  File \"/srv/app/main.py\", line 88, in <module>\n"
     "    run(sys.argv[1:])\n"
     "  File \"/srv/app/runner.py\", line 142, in run\n"
     "    result = handler(request, timeout=self.config[\"timeout\"])\n"
     "ValueError: invalid literal for int() with base 10: '12a'\n",
     76, 76},
    {"csv",
     "day,city,visitors,share\n"
     "2024-05-01,Lisbon,1204,0.318\n"
     "2024-05-01,Porto,877,0.231\n"
     "2024-05-02,Lisbon,1311,0.342\n"
     "2024-05-02,Porto,902,0.235\n"
     "2024-05-03,Lisbon,1187,0.309\n",
     92, 92},
    {"numbers",
     "3.14159 2.71828 1.41421 1.73205 0.57721 1.61803 4.66920 0.91596 1.20205 2.50290 6.28318 "
     "0.69314 2.30258 1.64493 1.08232",
     74, 74},
    {"identifiers",
     "7b1c0f52-9d3e-4a8b-b6f1-2c5d8e90a374\n"
     "0e6a4d91-58c7-4f20-9b3d-a1f7c6e25b80\n"
     "d2f89b03-6e41-4c7a-85d0-f9b3a7146c2e\n",
     93, 93},
    {"base64",
     "SGVsbG8sIHRoaXMgaXMgYSBzaG9ydCB0ZXh0IHRoYXQgd2FzIGVuY29kZWQgdG8gc2VlIGhvdyBtYW55IHRva2VucyBpd"
     "CB0YWtlcy4gTm90aGluZyBlbHNlIHRvIHNlZSBoZXJlLg==",
     90, 98},
    {"hexadecimal",
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
     "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752\n",
     81, 79},
    {"urls",
     "https://example.com/docs/install?os=linux&arch=amd64#step-2\n"
     "https://api.example.com/v1/items/48213/reviews?page=3&per_page=50\n"
     "http://localhost:8080/metrics\n"
     "ftp://files.example.net/pub/images/disk-2024-05.img.xz\n",
     69, 69},
    {"shouting",
     "PLEASE READ THE WHOLE NOTICE BEFORE YOU ENTER. HELMETS ARE REQUIRED IN THE YARD AT ALL "
     "TIMES. CHILDREN MUST STAY BEHIND THE YELLOW LINE.",
     36, 35},
    {"emoji",
     "Great news everyone 🎉🎉 the new version is out 🚀 Thanks to all who tested it 🙏 If something "
     "breaks, tell us 🐛 and we will fix it 🔧😅",
     40, 0},
    {"formulas",
     "Let f(x) = a·x² + b·x + c with a ≠ 0. Then x₁,₂ = (−b ± √(b² − 4ac)) / 2a, and for all n ∈ "
     "ℕ: ∑ᵢ i = n(n+1)/2 ≤ n².",
     73, 70},
    {"latex",
     "\\begin{equation} \\int_0^\\infty e^{-x^2} \\, dx = \\frac{\\sqrt{\\pi}}{2} \\end{equation} "
     "where $\\alpha \\in [0, 1)$ and $\\lVert v \\rVert_2 \\leq \\epsilon$.",
     66, 66},
    {"two languages",
     "The sign says 「出口」, which means exit. Der Zug nach München fährt von Gleis 7, and the "
     "conductor said « bonne journée » as I got off.",
     35, 38},
};

static bool is_within_margin(uint64_t estimate, uint64_t truth)
{
    double difference = (double)truth - (double)estimate;

    return difference <= ESTIMATE_MARGIN * (double)estimate &&
           -difference <= ESTIMATE_MARGIN * (double)estimate;
}

static void the_truth_stays_within_the_margin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        uint64_t estimate = estimate_text(str_from(s->text));
        if (!is_within_margin(estimate, s->o200k) ||
            (s->cl100k && !is_within_margin(estimate, s->cl100k)))
            fail_msg("%s: %lu estimated, %lu and %lu counted", s->name, (unsigned long)estimate,
                     (unsigned long)s->o200k, (unsigned long)s->cl100k);
    }
}

static void errors_of_many_texts_cancel_out(void **state)
{
    uint64_t estimate = 0, truth = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        estimate += estimate_text(str_from(samples[i].text));
        truth += samples[i].o200k;
    }
    CHECK(estimate * 20 > truth * 19 && estimate * 20 < truth * 21);
}

/* JSON spellings of a text: with every character beyond ASCII escaped, or none. */
static char *spell(const char *text, bool escape_all)
{
    char *out = malloc(6 * strlen(text) + 1), *to = out;

    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        unsigned code = *p;
        size_t n = code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
        if (n == 1 && code != '"' && code != '\\' && code != '\n')
            *to++ = (char)*p;
        else if (n == 1)
            to += sprintf(to, "\\%c", code == '\n' ? 'n' : (char)code);
        else if (!escape_all)
            to = (char *)memcpy(to, p, n) + n;
        else {
            code &= 0x7fU >> n;
            for (size_t i = 1; i < n; i++)
                code = code << 6 | (p[i] & 0x3f);
            if (n < 4)
                to += sprintf(to, "\\u%04x", code);
            else
                to += sprintf(to, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
        }
        p += n;
    }
    *to = '\0';
    return out;
}

static void the_spelling_in_json_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char *plain = spell(samples[i].text, false), *escaped = spell(samples[i].text, true);
        CHECK_U64(estimate_text(str_from(plain)), estimate_text(str_from(escaped)));
        if (!strchr(samples[i].text, '\\'))
            CHECK_U64(estimate_text(str_from(plain)), estimate_text(str_from(samples[i].text)));
        free(plain);
        free(escaped);
    }
}

/* Spelled as a code point each character is walked by itself. */
static void many_characters_at_once_weigh_what_each_does(void **state)
{
    (void)state;
    srand(4);
    for (unsigned round = 0; round < 20000; round++) {
        char plain[41], spelled[sizeof(plain) * 6], *to = spelled;
        size_t n = (size_t)rand() % sizeof(plain);
        for (size_t i = 0; i < n; i++, to += 6) {
            char c = rand() % 8 ? "aZ09 .\n\t"[rand() % 8] : (char)(rand() % 128);
            plain[i] = c == '\\' ? '/' : c;
            snprintf(to, 7, "\\u%04x", (unsigned)plain[i]);
        }
        CHECK_U64(estimate_text((struct str){plain, n}),
                  estimate_text((struct str){spelled, n * 6}));
    }
}

static void no_text_is_no_token_and_any_text_is_one(void **state)
{
    (void)state;
    CHECK_U64(estimate_text(STR_EMPTY), 0);
    CHECK_U64(estimate_text((struct str){NULL, 0}), 0);
    for (unsigned c = 0; c < 256; c++) {
        char text[1] = {(char)c};
        CHECK(estimate_text((struct str){text, 1}) >= 1);
        CHECK(estimate_text((struct str){text, 1}) <= 3);
    }
}

static void any_bytes_are_walked_to_their_end_and_no_further(void **state)
{
    (void)state;
    srand(3);
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = (size_t)rand() % 40;
        char *exact = malloc(n ? n : 1); /* a sanitizer watches its end */
        for (size_t i = 0; i < n; i++)
            exact[i] = rand() % 4 ? (char)rand() : "\\u9d"[rand() % 4];
        CHECK(estimate_text((struct str){exact, n}) <= 3 * n);
        free(exact);
    }
}

/* Prose, code, Chinese and escapes in turns, so that windows fall on all of them. */
static void long_strings_are_sampled_within_a_tenth(void **state)
{
    static const char *const pieces[] = {
        "The quick brown fox jumps over the lazy dog, and nobody knows why. ",
        "for (size_t i = 0; i < n; i++)\\n    sum += a[i] * 31;\\n",
        "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd\xe3\x80\x82",
        "4711, 0815 and 3.14159 = \\u00fc\\t",
    };
    const struct json_value *root;
    struct arena a;
    struct buf b;
    size_t offset;

    (void)state;
    arena_init(&a, 1u << 20);
    buf_init(&b, 1u << 20);
    CHECK_INT(buf_printf(&b, "{\"messages\":[{\"role\":\"user\",\"content\":\""), BUF_OK);
    for (unsigned i = 0; b.len < 300000; i++)
        CHECK_INT(buf_printf(&b, "%s", pieces[i * 2654435761u >> 30]), BUF_OK);
    CHECK_INT(buf_printf(&b, "\"}]}"), BUF_OK);
    CHECK_INT(json_parse(&a, buf_str(&b), &root, &offset), JSON_OK);
    double ratio = (double)estimate_request_sampled(root) / (double)estimate_request(root);
    CHECK(ratio > 0.9 && ratio < 1.1);
    CHECK(estimate_request_sampled(root) > 0);
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_stays_within_the_margin),
        cmocka_unit_test(errors_of_many_texts_cancel_out),
        cmocka_unit_test(the_spelling_in_json_changes_nothing),
        cmocka_unit_test(many_characters_at_once_weigh_what_each_does),
        cmocka_unit_test(no_text_is_no_token_and_any_text_is_one),
        cmocka_unit_test(any_bytes_are_walked_to_their_end_and_no_further),
        cmocka_unit_test(long_strings_are_sampled_within_a_tenth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
