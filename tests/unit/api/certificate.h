/* A fresh self-signed certificate for "localhost" and its key, in a folder of their own. */
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct certificate {
	char dir[32], cert[48], key[48];
};

static inline void write_certificate(const char *cert_file, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_sign(cert, key, EVP_sha256());
	FILE *f = fopen(cert_file, "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = fopen(key_file, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline struct certificate certificate_new(void)
{
	struct certificate c = {.dir = "/tmp/trimtab-tls-XXXXXX"};
	if (!mkdtemp(c.dir))
		abort();
	snprintf(c.cert, sizeof c.cert, "%s/cert.pem", c.dir);
	snprintf(c.key, sizeof c.key, "%s/key.pem", c.dir);
	write_certificate(c.cert, c.key);
	return c;
}

static inline void certificate_free(const struct certificate *c)
{
	unlink(c->cert);
	unlink(c->key);
	rmdir(c->dir);
}
