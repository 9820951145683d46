// libcurl, with a typed function for each form of its variadic setters and getters that is used here.
#pragma once

#include <curl/curl.h>

static inline CURLcode kb_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode kb_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

/// CURLOPT_COPYPOSTFIELDS: libcurl keeps a copy of its own. The size is set first, as it requires.
static inline CURLcode kb_curl_set_body(CURL *handle, const void *bytes, size_t count) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, bytes);
}

static inline CURLcode kb_curl_set_headers(CURL *handle, struct curl_slist *list) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
}

typedef size_t (*kb_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

/// CURLOPT_WRITEFUNCTION or CURLOPT_HEADERFUNCTION.
static inline CURLcode kb_curl_set_receiver(CURL *handle, CURLoption option, kb_curl_receiver receiver) {
    return curl_easy_setopt(handle, option, receiver);
}

/// CURLOPT_WRITEDATA or CURLOPT_HEADERDATA.
static inline CURLcode kb_curl_set_context(CURL *handle, CURLoption option, void *context) {
    return curl_easy_setopt(handle, option, context);
}

static inline long kb_curl_response_code(CURL *handle) {
    long code = 0;
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code) == CURLE_OK ? code : 0;
}
