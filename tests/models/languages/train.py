"""Trains the languages example and writes it into templates/projects/languages.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

The texts are those that Django shows to its users, and the names of emoji from the Unicode Consortium's CLDR, as the
Python package `emoji` carries them; names of flags, which are names of countries, are left out. One message and one emoji
in five are held back with what they are in every language, so that no held-back text has a translation that trained
anything.
"""

import gettext
import hashlib
import pathlib
import re
import sys

import django
import emoji
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import project

CANDIDATES, FEATURES = 12_000, 2500
SAMPLES = 500  # of the held-back texts, those that come with the project

# Sentences of another kind than all the data, written for this test: how well does it do on what people say?
SENTENCES = {
    "ar": ["أين أقرب محطة قطار؟", "أريد كوبا من الماء من فضلك", "وصلت الرسالة صباح اليوم", "الطقس جميل جدا اليوم"],
    "de": ["Wo ist der nächste Bahnhof?", "Ich hätte gern ein Glas Wasser.", "Das Paket ist noch nicht angekommen.",
           "Heute scheint die Sonne."],
    "en": ["Where is the nearest station?", "I would like a glass of water.", "The parcel has not arrived yet.",
           "The sun is shining today."],
    "es": ["¿Dónde está la estación más cercana?", "Quisiera un vaso de agua.", "El paquete todavía no ha llegado.",
           "Hoy hace mucho sol."],
    "fa": ["نزدیک‌ترین ایستگاه کجاست؟", "یک لیوان آب می‌خواهم", "بسته هنوز نرسیده است", "امروز هوا آفتابی است"],
    "fr": ["Où est la gare la plus proche ?", "Je voudrais un verre d'eau.", "Le colis n'est pas encore arrivé.",
           "Il fait très beau aujourd'hui."],
    "id": ["Di mana stasiun terdekat?", "Saya ingin segelas air.", "Paketnya belum sampai.", "Hari ini cuacanya cerah."],
    "it": ["Dov'è la stazione più vicina?", "Vorrei un bicchiere d'acqua.", "Il pacco non è ancora arrivato.",
           "Oggi c'è il sole."],
    "ja": ["一番近い駅はどこですか", "水を一杯ください", "荷物はまだ届いていません", "今日はよく晴れています"],
    "ko": ["가장 가까운 역이 어디예요?", "물 한 잔 주세요", "소포가 아직 도착하지 않았어요", "오늘은 날씨가 맑아요"],
    "pt": ["Onde fica a estação mais próxima?", "Eu queria um copo de água.", "A encomenda ainda não chegou.",
           "Hoje está muito sol."],
    "ru": ["Где ближайшая станция?", "Мне стакан воды, пожалуйста.", "Посылка ещё не пришла.", "Сегодня светит солнце."],
    "tr": ["En yakın istasyon nerede?", "Bir bardak su istiyorum.", "Paket henüz gelmedi.", "Bugün hava çok güneşli."],
    "zh": ["最近的车站在哪里？", "请给我一杯水。", "包裹还没有到。", "今天天气很好。"],
}

# A space at either end, lower case, single characters, counts of sequences of 1 to 3 of them with the weights of TF-IDF,
# length 1, and a linear classifier, whose weights are rounded to 8 bits for each language. TfIdfVectorizer needs the
# sequences as one list, by length.
GRAPH = """
languages (string[batch] text) => (string[batch] language, float[batch, 14] scores) {
    space = Constant <value_strings = [" "]> ()
    opened = StringConcat (space, text)
    padded = StringConcat (opened, space)
    lower = StringNormalizer <case_change_action = "LOWER", locale = "C.UTF-8"> (padded)
    characters = com.microsoft.Tokenizer <mark = 0, pad_value = "", mincharnum = 1, tokenexp = "."> (lower)
    counts = TfIdfVectorizer <mode = "TFIDF", min_gram_length = 1, max_gram_length = 3, max_skip_count = 0,
        ngram_counts = [%s], ngram_indexes = [%s], pool_strings = [%s], weights = [%s]> (characters)
    features = LpNormalization <axis = 1, p = 2> (counts)
    weights = DequantizeLinear <axis = 1> (rounded_weights, scales)
    products = MatMul (features, weights)
    logits = Add (products, intercepts)
    scores = Softmax <axis = 1> (logits)
    index = ArgMax <axis = 1, keepdims = 0> (scores)
    languages = Constant <value_strings = [%s]> ()
    language = Gather (languages, index)
}
"""


def emoji_names():
    """(what the texts have in common, language, text)"""
    emoji.config.load_language()
    for symbol, data in sorted(emoji.EMOJI_DATA.items()):
        # Not the variants (skin colors), whose names are nearly the same, and not the flags.
        if any(0x1F3FB <= ord(c) <= 0x1F3FF or ord(c) == 0xFE0F or 0x1F1E6 <= ord(c) <= 0x1F1FF for c in symbol):
            continue
        for language in SENTENCES:
            yield symbol, language, data.get(language, "").strip(":").replace("_", " ")


def messages():
    """The same, of Django. English is what is translated."""
    place = pathlib.Path(django.__file__).parent
    for language in SENTENCES:
        for folder in sorted(place.glob("**/locale")):
            path = folder / {"zh": "zh_Hans"}.get(language, language) / "LC_MESSAGES" / "django.mo"
            if not path.exists():
                continue
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog
            for message, text in sorted((key if isinstance(key, str) else key[0], text) for key, text in catalog.items()):
                message = message.split("\x04")[-1]
                # Formats and marks are not language: "%(count)d", "{name}", "<b>", line breaks.
                clean = [re.sub(r"%(\(\w+\))?[a-z]|\{.*?\}|<.*?>|\s+", " ", each) for each in (message, text)]
                if message and len(clean[0].split()) > 1:
                    yield message, "en", " ".join(clean[0].split())
                    yield message, language, " ".join(clean[1].split())


def split(texts):
    """Texts and their languages, those that train and those that are held back."""
    parts = {}, {}
    for origin, language, text in texts:
        is_held_back = hashlib.sha256(origin.encode()).digest()[0] % 5 == 0
        if text:
            parts[is_held_back].setdefault(text, set()).add(language)
    # A text that two languages share belongs to neither.
    return tuple([(text, *languages) for text, languages in sorted(part.items())
                  if len(languages) == 1 and not (part is parts[0] and text in parts[1])] for part in parts)


def quoted(texts):
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return ", ".join(f'"{text}"' for text in escaped)


def numbers(values):
    return ", ".join(repr(float(np.float32(value))) if isinstance(value, np.floating) else str(value) for value in values)


def fit(texts, languages, vocabulary=None):
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), max_features=CANDIDATES, vocabulary=vocabulary)
    features = vectorizer.fit_transform([f" {text} " for text in texts])
    classifier = LogisticRegression(C=20, max_iter=60).fit(features, languages)
    return vectorizer, classifier


def chosen_terms(vectorizer, classifier):
    """Those that decide the most: by the weight that they have for some language."""
    importance = np.abs(classifier.coef_).max(0) / vectorizer.idf_
    return sorted(vectorizer.get_feature_names_out()[np.argsort(-importance, kind="stable")[:FEATURES]])


def export(vectorizer, classifier):
    terms = sorted(vectorizer.vocabulary_, key=lambda term: (len(term), vectorizer.vocabulary_[term]))
    starts, pool = [], []
    for length in (1, 2, 3):
        starts.append(len(pool))
        for term in terms:
            if len(term) == length:
                pool.extend(term)
    columns = [int(vectorizer.vocabulary_[term]) for term in terms]
    text = GRAPH % (numbers(starts), numbers(columns), quoted(pool), numbers(vectorizer.idf_[columns]),
                    quoted(classifier.classes_))
    scales = np.abs(classifier.coef_).max(1) / 127
    weights = {"rounded_weights": np.round(classifier.coef_ / scales[:, None]).T.astype(np.int8),
               "scales": scales.astype(np.float32), "intercepts": classifier.intercept_.astype(np.float32)}
    return project.model_of(text, weights, ', "com.microsoft" : 1')


def main():
    names, held_back_names = split(emoji_names())
    sentences, held_back_sentences = split(messages())
    texts, languages = zip(*(names + sentences))
    vectorizer, classifier = fit(texts, languages)
    vectorizer, classifier = fit(texts, languages, chosen_terms(vectorizer, classifier))
    model = export(vectorizer, classifier)
    session = project.session_of(model)

    def report(kind, pairs):
        texts, languages = zip(*pairs)
        found, _ = session.run(None, {"text": np.array(texts, object)})
        right = found == np.array(languages, object)
        print(f"{kind}: {right.mean():.4f} of {len(pairs)} right")
        return [(text, language, other) for text, language, other in zip(texts, languages, found) if other != language]

    print(f"trained with {len(names)} names and {len(sentences)} messages")
    report("held-back names", held_back_names)
    report("held-back messages", held_back_sentences)
    for wrong in report("sentences", [(text, language) for language, texts in SENTENCES.items() for text in texts]):
        print(" ", *wrong)

    rng = np.random.default_rng(0)
    held_back = held_back_names + held_back_sentences
    chosen = [held_back[i] for i in rng.permutation(len(held_back))[:SAMPLES]]
    samples = project.PROJECTS / "languages" / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    rows = ['"' + text.replace('"', '""') + '"' for text, _ in chosen]
    (samples / "texts.csv").write_text("\n".join(["text", *rows]) + "\n")
    (samples / "labels.txt").write_text("".join(f"{language}\n" for _, language in chosen))
    outputs = project.write("languages", model, {"text": np.array([text for text, _ in chosen], object)}, ["scores"])
    right = sum(found == language for found, (_, language) in zip(outputs["language"], chosen))
    print(f"samples: {right} of {len(chosen)} right")


if __name__ == "__main__":
    main()
