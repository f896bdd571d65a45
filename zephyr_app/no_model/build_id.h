#define MLFORGE_FIRMWARE_ID "none"
#define MLFORGE_ENGINE "none"
