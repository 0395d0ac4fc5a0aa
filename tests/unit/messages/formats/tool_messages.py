"""A message of each preset, with all fields in the shape in which the tool writes them.

The shapes come from the source or the documentation of the tools: news-please 1.6.16 (get_serializable_dict),
trafilatura 2.3.1 (xml.build_json_output), newspaper4k 0.9.6 (settings.article_json_fields), Fundus 0.5.7
(Article.to_json), zyte-common-items 0.31 (Article), NewsAPI v2 (everything), Webz.io (News API output), Diffbot v3
(Article API), feedparser 6.0 (entries), schema.org (NewsArticle), CloudEvents 1.0 (JSON format), Debezium (change
event), Kafka Connect (JsonConverter).
"""

from collections.abc import Mapping
from typing import Any, Final

URL: Final = "https://www.paper.example/news/bridge"
TITLE: Final = "Swing bridge shut"
FIRST: Final = "The swing bridge was closed to all traffic on Tuesday."
SECOND: Final = "It opens again on Friday, the harbour office said."
TEXT: Final = f"{FIRST}\n{SECOND}"

_ROW: Final = {"id": 4711, "url": URL, "title": TITLE, "text": TEXT, "crawled_at": 1_741_680_000_000_000}

TOOL_MESSAGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "reprise": {"id": "a-1", "text": TEXT, "url": URL, "title": TITLE, "lang": "en"},
    "news-please": {
        "authors": ["A. Reporter"],
        "date_download": "2025-03-11 08:00:00",
        "date_modify": "None",
        "date_publish": "2025-03-11 06:30:00",
        "description": "A bridge.",
        "filename": "https%3A%2F%2Fwww.paper.example%2Fnews%2Fbridge.json",
        "image_url": "https://www.paper.example/a.jpg",
        "language": "en",
        "localpath": None,
        "maintext": TEXT,
        "source_domain": "www.paper.example",
        "text": None,
        "title": TITLE,
        "title_page": None,
        "title_rss": None,
        "url": URL,
    },
    "trafilatura": {
        "title": TITLE,
        "author": "A. Reporter",
        "hostname": "paper.example",
        "date": "2025-03-11",
        "fingerprint": "f1a2b3c4d5e6f708",
        "id": None,
        "license": None,
        "comments": "",
        "raw_text": f"{FIRST} {SECOND}",
        "language": "en",
        "image": None,
        "pagetype": "article",
        "filedate": "2025-03-12",
        "source": URL,
        "source-hostname": "The Paper",
        "excerpt": "A bridge.",
        "categories": "",
        "tags": "harbour;traffic",
        "text": TEXT,
    },
    "newspaper4k": {
        "url": URL,
        "read_more_link": "",
        "language": "en",
        "title": TITLE,
        "top_image": "",
        "meta_img": "",
        "images": [],
        "movies": [],
        "keywords": ["bridge"],
        "meta_keywords": [""],
        "tags": [],
        "authors": ["A. Reporter"],
        "publish_date": "2025-03-11T06:30:00+00:00",
        "summary": "",
        "meta_description": "A bridge.",
        "meta_lang": "en",
        "meta_favicon": "",
        "meta_site_name": "The Paper",
        "canonical_link": URL,
        "text": TEXT,
    },
    "fundus": {
        "title": TITLE,
        "body": {
            "summary": [FIRST],
            "sections": [{"headline": [], "paragraphs": [SECOND]}],
        },
        "authors": ["A. Reporter"],
        "publishing_date": "2025-03-11 06:30:00+00:00",
        "topics": ["harbour"],
        "free_access": True,
        "images": [],
        "publisher": "paper.example",
        "lang": "en",
        "html": {"requested_url": URL, "responded_url": URL, "crawl_date": "2025-03-11 08:00:00"},
    },
    "scrapy": {
        "url": URL,
        "headline": TITLE,
        "articleBody": TEXT,
        "articleBodyHtml": f"<article><p>{FIRST}</p></article>",
        "datePublished": "2025-03-11T06:30:00Z",
        "inLanguage": "en",
        "metadata": {"dateDownloaded": "2025-03-11T08:00:00Z", "probability": 0.98},
    },
    "newsapi": {
        "source": {"id": "paper", "name": "The Paper"},
        "author": "A. Reporter",
        "title": TITLE,
        "description": FIRST,
        "url": URL,
        "urlToImage": "https://www.paper.example/a.jpg",
        "publishedAt": "2025-03-11T06:30:00Z",
        "content": f"{TEXT} [+1874 chars]",
    },
    "webz": {
        "thread": {
            "uuid": "9b1f0c",
            "url": URL,
            "site_full": "www.paper.example",
            "site": "paper.example",
            "site_section": "https://www.paper.example/news",
            "section_title": "News",
            "title": TITLE,
            "title_full": f"{TITLE} | The Paper",
            "published": "2025-03-11T06:30:00.000+00:00",
            "replies_count": 0,
        },
        "uuid": "9b1f0c",
        "url": URL,
        "ord_in_thread": 0,
        "author": "A. Reporter",
        "published": "2025-03-11T06:30:00.000+00:00",
        "title": TITLE,
        "text": TEXT,
        "language": "english",
        "crawled": "2025-03-11T08:00:00.000+02:00",
    },
    "diffbot": {
        "request": {"pageUrl": URL, "api": "article", "version": 3},
        "objects": [
            {
                "type": "article",
                "title": TITLE,
                "text": TEXT,
                "html": f"<p>{FIRST}</p>",
                "date": "Tue, 11 Mar 2025 06:30:00 GMT",
                "estimatedDate": "Tue, 11 Mar 2025 06:00:00 GMT",
                "author": "A. Reporter",
                "siteName": "The Paper",
                "pageUrl": URL,
                "humanLanguage": "en",
                "diffbotUri": "article|3|1",
            }
        ],
    },
    "rss": {
        "id": "tag:paper.example,2025:4711",
        "guidislink": False,
        "link": URL,
        "links": [{"rel": "alternate", "type": "text/html", "href": URL}],
        "title": TITLE,
        "title_detail": {"type": "text/plain", "value": TITLE},
        "summary": "A bridge.",
        "content": [{"type": "text/html", "base": "", "value": f"<p>{FIRST}</p><p>{SECOND}</p>"}],
        "published": "Tue, 11 Mar 2025 06:30:00 +0000",
        "published_parsed": [2025, 3, 11, 6, 30, 0, 1, 70, 0],
    },
    "json-ld": {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "Organization", "name": "The Paper"},
            {
                "@type": "NewsArticle",
                "@id": f"{URL}#article",
                "mainEntityOfPage": {"@type": "WebPage", "@id": URL},
                "headline": TITLE,
                "articleBody": TEXT,
                "datePublished": "2025-03-11T06:30:00Z",
                "inLanguage": "en",
            },
        ],
    },
    "cloudevents": {
        "specversion": "1.0",
        "id": "5f3c",
        "source": "/crawler/7",
        "type": "article.crawled",
        "time": "2025-03-11T08:00:00Z",
        "datacontenttype": "application/json",
        "data": {"id": "a-1", "text": TEXT, "url": URL, "title": TITLE},
    },
    "debezium": {
        "schema": {"type": "struct", "name": "db.public.articles.Envelope", "fields": []},
        "payload": {
            "before": None,
            "after": _ROW,
            "source": {"connector": "postgresql", "db": "crawl", "table": "articles", "ts_ms": 1_741_680_000_000},
            "op": "c",
            "ts_ms": 1_741_680_000_500,
        },
    },
    "kafka-connect": {
        "schema": {"type": "struct", "fields": [{"type": "string", "field": "text", "optional": False}]},
        "payload": _ROW,
    },
}
